import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createAuthority } from '../../../demo/certificates.ts'
import { runProgram } from '../../drivers/program.ts'

const program = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))

/**
 * What `portcullis check --offline` prints about a configuration of another machine: its files are put
 * below a folder, certificates that fit each other where there are to be some, and anything elsewhere.
 */
export async function checkConfig(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-deploy-'))
  try {
    const authority = await createAuthority('deploy')
    const pair = await authority.issue({ commonName: 'gate' })
    const moved = text.replaceAll(
      /\/(etc|run|var)\/[a-z0-9/._-]*[a-z0-9_]/g,
      (path) => `${folder}${path}`,
    )
    for (const [path] of moved.matchAll(/\/tmp\/portcullis-deploy-[A-Za-z0-9/._-]*[a-z0-9_]/g)) {
      await mkdir(dirname(path), { recursive: true })
      if (!/\.sock$|\.jsonl$/.test(path)) await writeFile(path, contentOf(path))
    }
    const file = join(folder, 'portcullis.yaml')
    await writeFile(file, moved)
    const command = [process.execPath, program, 'check', '--offline', '--config', file]
    const { failure, stdout, stderr } = await runProgram(command, { folder, seconds: 60 })
    return failure === undefined ? 'fine' : `${failure}\n${stdout}${stderr}`

    function contentOf(path: string): string {
      if (/[._]key$/.test(path)) return pair.key
      if (/(server|tls)\.crt$|_certificate$/.test(path)) return pair.certificate
      if (/\.crt$|\/ca$/.test(path)) return authority.certificate
      if (/\/store(_url)?$/.test(path))
        return 'postgres://portcullis@store.example.com/portcullis\n'
      return `${'x'.repeat(32)}\n`
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
