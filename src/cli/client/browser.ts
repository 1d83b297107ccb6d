import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../credentials/environment.ts'

const timeoutMs = 10_000

/** Whether a browser of this machine is one that somebody at this terminal sees. */
export function hasBrowser(
  environment: Environment,
  platform: NodeJS.Platform = process.platform,
  isContainer: () => boolean = isInContainer,
): boolean {
  const has = (name: string): boolean => (environment[name] ?? '') !== ''
  if (has('SSH_CONNECTION') || has('SSH_TTY') || has('SSH_CLIENT')) return false
  if (platform === 'darwin' || platform === 'win32') return true
  // Windows' own, by way of WSL.
  if (has('WSL_DISTRO_NAME')) return true
  return (has('DISPLAY') || has('WAYLAND_DISPLAY')) && !isContainer()
}

function isInContainer(): boolean {
  return existsSync('/.dockerenv') || existsSync('/run/.containerenv')
}

/** Whether there was anything to open it with. */
export async function openInBrowser(address: string, environment: Environment): Promise<boolean> {
  if (new URL(address).protocol !== 'https:') return false
  const file = import.meta.url.endsWith('.ts') ? './open-url.ts' : './open-url.js'
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), address], {
    env: withoutSecrets(environment),
    stdio: 'ignore',
    timeout: timeoutMs,
  })
  return new Promise((resolve) => {
    child.once('error', () => {
      resolve(false)
    })
    child.once('exit', (code) => {
      resolve(code === 0)
    })
  })
}

/** What a desktop needs to find its browser; anything else may be a secret, and a browser lives for days. */
const passedOn =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|TZ|TMPDIR|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|BROWSER|DESKTOP_SESSION|DBUS_SESSION_BUS_ADDRESS|LC_.*|XDG_.*|GNOME_.*|KDE_.*|MOZ_.*|GDK_.*|QT_.*|WSL.*|SystemRoot|windir|APPDATA|LOCALAPPDATA|USERPROFILE|PATHEXT|COMSPEC|TEMP|TMP)$/i

function withoutSecrets(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => passedOn.test(name)))
}
