#!/bin/sh
# Makes what docker-compose.yaml mounts: an authority, a certificate for each server, passwords. Once; again where the folder
# `generated` is removed. Needs openssl.
set -eu
cd "$(dirname "$0")"
[ ! -e generated ] || { echo 'generated is there already'; exit 0; }
umask 077
mkdir generated.new
cd generated.new

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj '/CN=Portcullis compose' \
  -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign' \
  -keyout ca.key -out ca.crt 2>/dev/null

issue() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$2" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
  rm "$1.csr" "$1.ext"
}
issue gate 'DNS:localhost,DNS:gate-1,DNS:gate-2,IP:127.0.0.1'
issue keycloak 'DNS:keycloak.localhost,DNS:localhost'
issue postgres 'DNS:postgres'

for name in postgres grafana app_readonly app_readwrite store alice bob; do
  openssl rand -hex 24 | tr -d '\n' >"password-$name"
done
openssl rand -base64 32 | tr -d '\n' >fleet-secret
printf 'postgres://portcullis:%s@postgres/portcullis' "$(cat password-store)" >store-url
# The realm of realm.json with these passwords for its people.
sed -e "s/PASSWORD_OF_ALICE/$(cat password-alice)/" -e "s/PASSWORD_OF_BOB/$(cat password-bob)/" ../realm.json >realm.json

# Containers run as users of their own: the files can be read by them, the folder by its owner alone.
chmod 0644 ./*
chmod 0600 ca.key
cd ..
mv generated.new generated
echo "done: alice's password is in generated/password-alice, Grafana's in generated/password-grafana"
