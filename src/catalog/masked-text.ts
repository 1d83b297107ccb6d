import { stringify } from 'yaml'
import { createMasker, readWritten } from '../config/index.ts'

/** A configuration as text, with the mask where secrets are; without its comments, in which there may be some. */
export function maskedText(text: string): string {
  return stringify(createMasker()(readWritten(text)), {
    lineWidth: 0,
    aliasDuplicateObjects: false,
  })
}
