// A page that shows programs shows the files that the tests run.
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { root } from './run.ts'

const page = 'docs/programs.md'
const folder = 'examples'
const block = /<!-- file: (\S+) -->\n```.*\n[^]*?\n?```\n/g
const languages: Readonly<Record<string, string>> = {
  '.mjs': 'js',
  '.go': 'go',
  '.py': 'python',
  '.java': 'java',
  '.cs': 'csharp',
}

export async function programsPage(): Promise<string> {
  const text = await readFile(join(root, page), 'utf8')
  const files = await exampleFiles()
  const shown = [...text.matchAll(block)].map(([, name = '']) => name)
  for (const name of files.keys())
    if (!shown.includes(name)) throw new Error(`${page} does not show ${name}`)
  return text.replaceAll(block, (_, name: string) => {
    const content = files.get(name)
    if (content === undefined) throw new Error(`${page} shows ${name}, which is not there`)
    return `<!-- file: ${name} -->\n\`\`\`${languages[extname(name)] ?? ''}\n${content}\`\`\`\n`
  })
}

async function exampleFiles(): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  return new Map(
    await Promise.all(
      paths.map(async (path) => [path.slice(root.length), await readFile(path, 'utf8')] as const),
    ),
  )
}
