import type { DescribedCommand, Values } from './described-command.ts'

export function zshCompletion(commands: readonly DescribedCommand[]): string {
  return `#compdef portcullis
_portcullis() {
  local path_= word previous=\${words[CURRENT-1]}
  local -i i
  for (( i = 2; i < CURRENT; i++ )); do
    word=\${words[i]}
    case "$path_ $word" in
${transitions(commands)}
    esac
  done
  case "$path_ $previous" in
${optionValues(commands)}
  esac
  local -a found
  case $path_ in
${replies(commands)}
  esac
}
_portcullis_profiles() {
  local -a names
  names=( \${\${(f)"$(portcullis profiles 2>/dev/null)"}% (default)} )
  compadd -a names
}
# The words from there on are a command of their own.
_portcullis_command() {
  shift $(( $1 - 1 )) words
  (( CURRENT -= $1 - 1 ))
  _normal
}
compdef _portcullis portcullis
`
}

function transitions(commands: readonly DescribedCommand[]): string {
  return commands
    .flatMap(({ path, commands: children, options, takesCommand }) => {
      const withValue = options.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags)
      return [
        ...children.map(
          ({ name }) => `      ${quote(`${path} ${name}`)}) path_=${quote(join(path, name))} ;;`,
        ),
        ...(withValue.length === 0
          ? []
          : [`      ${withValue.map((flag) => quote(`${path} ${flag}`)).join('|')}) (( i++ )) ;;`]),
        ...(takesCommand
          ? [
              `      ${quote(`${path} --`)}) _portcullis_command $(( i + 1 )); return ;;`,
              `      ${quote(`${path} -`)}*) ;;`,
              `      ${quote(`${path} `)}*) _portcullis_command $i; return ;;`,
            ]
          : []),
      ]
    })
    .join('\n')
}

function optionValues(commands: readonly DescribedCommand[]): string {
  return commands
    .flatMap(({ path, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map(
          ({ flags, values }) =>
            `    ${flags.map((flag) => quote(`${path} ${flag}`)).join('|')}) ${reply(values)}; return ;;`,
        ),
    )
    .join('\n')
}

function replies(commands: readonly DescribedCommand[]): string {
  return commands
    .map(({ path, commands: children, options, values, takesCommand }) => {
      const flags = options.flatMap(({ flags: all, description }) =>
        all.map((flag) => entry(flag, description)),
      )
      const names = children.map(({ name, description }) => entry(name, description))
      const other =
        names.length > 0
          ? `found=( ${names.join(' ')} ); _describe -t commands command found`
          : takesCommand
            ? '_portcullis_command $CURRENT'
            : reply(values)
      return `    ${quote(path)})
      if [[ $PREFIX == -* ]]; then found=( ${flags.join(' ')} ); _describe -o option found
      else ${other}; fi ;;`
    })
    .join('\n')
}

function reply(values: Values): string {
  if (values === 'any') return '_files'
  if (values === 'profiles') return '_portcullis_profiles'
  return `compadd -- ${values.map(quote).join(' ')}`
}

/** A colon ends the word that is described. */
function entry(word: string, description: string): string {
  return quote(`${word.replaceAll(':', String.raw`\:`)}:${description}`)
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path} ${name}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
