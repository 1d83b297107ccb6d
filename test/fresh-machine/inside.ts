// Runs in a network of its own: starts the town, and does on each machine what docs/clients.md says.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Actor } from './actor.ts'
import { blocksOf, fieldsOf, nameOf, readGuide } from './document.ts'
import type { Image } from './machine.ts'
import { makeScenes } from './scenes.ts'
import { type Certificates, startTown } from './town.ts'

const [folder = ''] = process.argv.slice(2)
process.exitCode = (await main()) ? 0 : 1

async function main(): Promise<boolean> {
  const image = JSON.parse(await readFile(join(folder, 'image.json'), 'utf8')) as Image
  const certificates = JSON.parse(
    await readFile(join(folder, 'certificates.json'), 'utf8'),
  ) as Certificates
  const guide = await readGuide()
  const column = fieldsOf(guide, 'fields').map(({ cells }) => cells['value'] ?? '')
  const javaFields = column.filter((value) => value !== '')
  await using town = await startTown(folder, certificates)
  const scenes = await makeScenes(town, certificates.authority, javaFields)
  const blocks = blocksOf(guide).filter(({ scenario }) => !['', 'install'].includes(scenario))
  const results: boolean[] = []
  for (const [name, scene] of scenes) {
    const own = blocks.filter((block) => nameOf(block) === name)
    const actor = await Actor.create({ name, folder, scene, blocks: own, image, certificates })
    results.push(...(await actor.play()))
    await actor.leave()
  }
  const failed = results.filter((isGood) => !isGood).length
  process.stdout.write(`\nfresh machines: ${results.length - failed} passed, ${failed} failed\n`)
  if (failed > 0) process.stdout.write(`the gate said last:\n${town.gateway.log().slice(-2_000)}\n`)
  return failed === 0
}
