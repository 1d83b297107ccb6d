#!/bin/sh
# Puts what runs Portcullis into a folder that becomes the root of the image: sh collect.sh FOLDER [RUNTIME]
set -eu
root=$1
runtime=${2:-$(command -v node)}
app=$root/opt/portcullis
mkdir -p "$app" "$root/usr/local/bin" "$root/etc/portcullis" "$root/usr/share/doc/portcullis"
cp "$runtime" "$root/usr/local/bin/"
# Its libraries, under the names by which they are looked for.
ldd "$runtime" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*\).*/\1/p' | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done
cp -R package.json node_modules dist assets "$app/"
cp sbom.cdx.json "$root/usr/share/doc/portcullis/"
cp passwd group "$root/etc/"
cp portcullis "$root/usr/local/bin/portcullis"
# Owned by root and not to be written: whoever gets to be Portcullis changes nothing of it.
chmod -R u=rwX,go=rX "$root"
chmod 0555 "$root/usr/local/bin/portcullis"
find "$root" -exec touch -h -d "@${SOURCE_DATE_EPOCH:-0}" {} +
