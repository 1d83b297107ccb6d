// Statements that exist elsewhere: the error says what this console is, and which statement to use.
import type { Reader } from './reader.ts'
import { sqlstates } from './statement-error.ts'

const here = 'This is the console of Portcullis'
const data = `${here}: data is in the databases behind it. SHOW DATABASES lists them; connect to one of them.`
const people = `${here}: people come from the identity provider. CREATE SSO INTEGRATION lets them in, CREATE GROUP names their role, and SET CLUSTER SETTING server.identity_map.configuration maps them one by one.`
const tables = `${here}: it has no tables. SHOW HELP lists what it can show.`
const generic = `${here}, and this is no statement of it. SHOW HELP lists them.`

const ofData = ['TABLE', 'SCHEMA', 'VIEW', 'INDEX', 'SEQUENCE', 'FUNCTION', 'EXTENSION', 'TYPE']
const ofPeople = ['USER', 'ROLE']

const hints: Readonly<Record<string, string>> = {
  ...under('', data, [
    'INSERT',
    'UPDATE',
    'DELETE',
    'MERGE',
    'COPY',
    'TRUNCATE',
    'CALL',
    'DO',
    'LOCK',
  ]),
  ...under('', data, ['VACUUM', 'ANALYZE', 'LISTEN', 'NOTIFY', 'COMMENT', 'REINDEX', 'CLUSTER']),
  ...under('', tables, ['WITH', 'VALUES', 'TABLE', 'DECLARE', 'FETCH']),
  ...under('', generic, [
    'PREPARE',
    'EXECUTE',
    'SAVEPOINT',
    'RELEASE',
    'IMPORT',
    'SECURITY',
    'REASSIGN',
  ]),
  HELP: `${here}. SHOW HELP lists its statements.`,
  USE: `${here}. Connect to another database to use it: \\c in psql.`,
  QUIT: `${here}. \\q leaves psql.`,
  EXIT: `${here}. \\q leaves psql.`,
  ...under('CREATE ', data, ofData),
  ...under('ALTER ', data, ofData),
  ...under('DROP ', data, ofData),
  ...under('CREATE ', people, ofPeople),
  ...under('ALTER ', people, ofPeople),
  ...under('DROP ', people, ofPeople),
  ...under('SHOW ', tables, ['TABLES', 'SCHEMAS', 'COLUMNS', 'INDEXES', 'ROLES']),
  'ALTER SYSTEM': `${here}. Use SET CLUSTER SETTING name = value.`,
  ...aliases('SECURITY', 'SSO INTEGRATION'),
  ...aliases('INTEGRATION', 'SSO INTEGRATION'),
  ...aliases('CONNECTIVITY', 'CONNECTIVITY_POOL, in one word'),
  ...aliases('POOL', 'CONNECTIVITY_POOL'),
}

function under(
  verb: string,
  hint: string,
  words: readonly string[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(words.map((word) => [verb + word, hint]))
}

function aliases(word: string, right: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    ['CREATE', 'ALTER', 'DROP', 'SHOW CREATE'].map((verb) => [
      `${verb} ${word}`,
      `Use ${verb} ${right}.`,
    ]),
  )
}

/** Fails where the word here makes it a statement of another database, behind the words of `verb`. */
export function failElsewhere(reader: Reader, verb = ''): void {
  const { token } = reader
  if (token.kind !== 'word') return
  const words = `${verb} ${token.value.toUpperCase()}`.trim()
  const hint = Object.hasOwn(hints, words) ? hints[words] : undefined
  if (hint === undefined) return
  const isTypo = hint.startsWith('Use ')
  reader.fail(
    isTypo
      ? { hint, expected: [] }
      : {
          message: `${words} is not a statement of this console`,
          sqlstate: sqlstates.unsupported,
          hint,
        },
  )
}

export function failNoTables(reader: Reader): never {
  return reader.fail({ sqlstate: sqlstates.unsupported, hint: tables, expected: [] })
}
