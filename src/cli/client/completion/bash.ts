import type { DescribedCommand, Values } from './described-command.ts'

/** For bash 3.2 and later, with or without its collection of completions. */
export function bashCompletion(commands: readonly DescribedCommand[]): string {
  return `# bash completion of portcullis
_portcullis() {
  local cur prev path word i
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=\${COMP_WORDS[COMP_CWORD-1]}
  # "--format=raw" is three words for bash.
  if [[ $cur == "=" ]]; then cur=; elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  COMPREPLY=()
  path=
  for (( i = 1; i < COMP_CWORD; i++ )); do
    word=\${COMP_WORDS[i]}
    case "$path $word" in
${transitions(commands)}
    esac
  done
  case "$path $prev" in
${optionValues(commands)}
  esac
  case $path in
${replies(commands)}
  esac
}
_portcullis_words() {
  COMPREPLY=( $(compgen -W "$1" -- "$2") )
}
_portcullis_profiles() {
  _portcullis_words "$("\${COMP_WORDS[0]}" profiles 2>/dev/null | sed 's/ (default)$//')" "$1"
}
# The words from there on are a command of their own.
_portcullis_command() {
  if declare -F _command_offset >/dev/null; then _command_offset "$1"
  elif (( COMP_CWORD == $1 )); then COMPREPLY=( $(compgen -c -- "$2") )
  fi
}
complete -o bashdefault -o default -F _portcullis portcullis
`
}

function transitions(commands: readonly DescribedCommand[]): string {
  const lines = commands.flatMap(({ path, commands: children, options, takesCommand }) => {
    const withValue = options.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags)
    return [
      ...children.map(
        ({ name }) => `      ${pattern(path, name)}) path=${quote(join(path, name))} ;;`,
      ),
      ...(withValue.length === 0
        ? []
        : [
            `      ${withValue.map((flag) => pattern(path, flag)).join('|')})
        [[ \${COMP_WORDS[i+1]} == "=" ]] && (( i++ ))
        (( i++ )) ;;`,
          ]),
      ...(takesCommand
        ? [
            `      ${pattern(path, '--')}) _portcullis_command $(( i + 1 )) "$cur"; return ;;`,
            `      ${quote(`${path} -`)}*) ;;`,
            `      ${quote(`${path} `)}*) _portcullis_command "$i" "$cur"; return ;;`,
          ]
        : []),
    ]
  })
  return lines.join('\n')
}

function optionValues(commands: readonly DescribedCommand[]): string {
  return commands
    .flatMap(({ path, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map(
          ({ flags, values }) =>
            `    ${flags.map((flag) => pattern(path, flag)).join('|')}) ${reply(values)}return ;;`,
        ),
    )
    .join('\n')
}

const ofCommand = '_portcullis_command "$COMP_CWORD" "$cur"; '

function replies(commands: readonly DescribedCommand[]): string {
  return commands
    .map(({ path, commands: children, options, values, takesCommand }) => {
      const flags = options.flatMap(({ flags: all }) => all).join(' ')
      const names = children.map(({ name }) => name)
      return `    ${quote(path)})
      if [[ $cur == -* ]]; then _portcullis_words ${quote(flags)} "$cur"
      else ${takesCommand ? ofCommand : reply(names.length > 0 ? names : values)}:; fi ;;`
    })
    .join('\n')
}

function reply(values: Values): string {
  if (values === 'any') return ''
  if (values === 'profiles') return '_portcullis_profiles "$cur"; '
  return `_portcullis_words ${quote(values.join(' '))} "$cur"; `
}

function pattern(path: string, word: string): string {
  return quote(`${path} ${word}`)
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path} ${name}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
