// What `--help` says below the options of what an operator asks a running gate.

export const whyHelp = `
Looks into the audit file of the configuration and what was rotated out of it (also .gz), and asks the service by its
control socket for what its processes remember, which are the checks that were made and what the client read. One of
the two is enough. The newest 5 are shown where no time is named.

--at is local time, and 14:02 is the last one that there was; 5 minutes before and after belong to it. A day
(2026-11-22) and ISO 8601 (2026-11-22T14:02Z) do as well. --who is a part of the name, of the subject or of the user;
who somebody is is known only once the token is verified.

Exit codes: 0 refusals are shown, 1 there are none, 2 nothing could be looked at, 64 wrong usage, 78 wrong
configuration.

-o json has asked, found, more, nearest, unknown, files, unread, remembered, unanswered and complete; each login has at,
reference, reason, sqlstate, fault, count, principal, subject, issuer, user, database, application, address, pool,
integration, node, checks, log, told, meaning and remedy.

Examples:
  portcullis why --config portcullis.yaml --at 14:02 --who alice
  portcullis why --config portcullis.yaml 5f0c1a52-6a6e-4a35-9d4e-0d4f6f6a2f11
  portcullis why --file audit.jsonl --at 2026-11-22 --from 10.1.0.0/16`

export const logLevelHelp = `
Without a level it says which one holds, and until when. A change holds for every process of the service and for those
that are started meanwhile, and is in the log, with the user who ran this command. It is not written into the
configuration: a reload, a restart and the end of --for bring the configured level back.

Exit codes: 0 done, 1 failed, or a process did not answer, 64 wrong usage, 78 wrong configuration.

Examples:
  portcullis log-level --config portcullis.yaml
  portcullis log-level debug --for 10m --config portcullis.yaml`

export const supportBundleHelp = `
In it are the version, the configuration without its secrets and comments, what \`check --offline\` finds, metrics,
health, keys of issuers, hosts, versions of the catalog, how many sessions and refusals there are of which kind, and
limits of the system. Where the service does not run, it has what there is without it, and about.json says what is
missing.

Values that the configuration keeps secret, and those of its \${env:} and \${file:}, are taken out wherever they
stand, as are tokens and the passwords of URLs. Names of people who were refused are in it with --with-names alone; those that
the configuration itself has, such as in identity_map, are in it always. Look at it before you send it.

Exit codes: 0 done, 1 failed, 64 wrong usage, 78 the configuration cannot be read.

Examples:
  portcullis support-bundle --config portcullis.yaml --out /tmp/ticket-17.tar.gz`
