import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { root } from '../../../tools/run.ts'

const folder = join(root, 'docs', 'pictures')
const isWriting = process.env['PORTCULLIS_PICTURES'] !== undefined
const mostBytes = 150_000

/** Writes what is in the window with `--pictures`; without, the picture of that name has to be there. */
export async function picture(page: Page, name: string): Promise<void> {
  const path = join(folder, `${name}.png`)
  if (isWriting) {
    await mkdir(folder, { recursive: true })
    await page.screenshot({ path, animations: 'disabled', caret: 'hide', scale: 'css' })
  }
  const { size } = await stat(path)
  expect(size, path).toBeLessThan(mostBytes)
}
