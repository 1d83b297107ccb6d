/** A file of an archive, in memory. */
export interface Part {
  readonly name: string
  readonly content: Buffer
}

const blockBytes = 512

/** An archive as POSIX has it (ustar): names of at most 100 bytes, for its owner alone once it is unpacked. */
export function writeTar(folder: string, parts: readonly Part[], at: Date): Buffer {
  const end = Buffer.alloc(2 * blockBytes)
  const files = parts.flatMap(({ name, content }) => [
    header(`${folder}/${name}`, content.length, at),
    content,
    Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes),
  ])
  return Buffer.concat([...files, end])
}

function header(name: string, size: number, at: Date): Buffer {
  const bytes = Buffer.alloc(blockBytes)
  if (Buffer.byteLength(name) > 100) throw new Error('the name of a part is too long')
  const octal = (value: number, digits: number, offset: number): void => {
    bytes.write(`${value.toString(8).padStart(digits, '0')}\0`, offset, 'latin1')
  }
  bytes.write(name, 0, 'utf8')
  octal(0o600, 7, 100)
  octal(0, 7, 108)
  octal(0, 7, 116)
  octal(size, 11, 124)
  octal(Math.floor(at.getTime() / 1_000), 11, 136)
  // The sum is made with blanks in its own place.
  bytes.write('        0', 148, 'latin1')
  bytes.write('ustar\u000000', 257, 'latin1')
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}
