#!/bin/sh
# Roles, the database of the example, and the one that the replicas share.
set -eu
psql --set=ON_ERROR_STOP=1 --username=postgres \
  --set=readonly="$(cat /run/secrets/app_readonly)" \
  --set=readwrite="$(cat /run/secrets/app_readwrite)" \
  --set=store="$(cat /run/secrets/store_password)" <<'SQL'
create role app_readonly login password :'readonly';
create role app_readwrite login password :'readwrite';
create role portcullis login password :'store';
create database portcullis owner portcullis;
create database sandbox;
\connect sandbox
create table public.notes (id bigint generated always as identity primary key, note text not null);
insert into public.notes (note) values ('hello');
grant select on public.notes to app_readonly, app_readwrite;
grant insert, update, delete on public.notes to app_readwrite;
SQL
