import { type FSWatcher, readFileSync, watch } from 'node:fs'

/** Where the browser of a desktop leaves what it is to open. */
export const browserInbox = '.addresses'

/** A browser that opens nothing by itself, as programs find it on Linux; by their paths within the home. */
export function browserFiles(home: string): Readonly<Record<string, string>> {
  const program = `#!/bin/sh\nprintf '%s\\n' "$1" >>"${home}/${browserInbox}"\n`
  return {
    'bin/x-www-browser': program,
    '.config/mimeapps.list': '[Default Applications]\nx-scheme-handler/https=own.desktop\n',
    '.local/share/applications/own.desktop': `[Desktop Entry]
Type=Application
Name=Browser
Exec=${home}/bin/x-www-browser %u
`,
    [browserInbox]: '',
  }
}

/** Tells each address that the browser of a desktop is given. */
export function watchBrowser(inbox: string, open: (address: string) => void): FSWatcher {
  let opened = 0
  return watch(inbox, () => {
    const addresses = readFileSync(inbox, 'utf8').split('\n').slice(0, -1)
    const fresh = addresses.slice(opened)
    opened = addresses.length
    for (const address of fresh) open(address)
  })
}
