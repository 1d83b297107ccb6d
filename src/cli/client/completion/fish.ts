import type { DescribedCommand, DescribedOption, Values } from './described-command.ts'

export function fishCompletion(commands: readonly DescribedCommand[]): string {
  return `# fish completion of portcullis
function __portcullis_path
  set -l path
  set -l words (commandline -opc)
  set -l skip 0
  for word in $words[2..]
    if test $skip = 1
      set skip 0
      continue
    end
    switch "$path $word"
${transitions(commands)}
    end
  end
  echo "$path"
end
function __portcullis_at
  test (__portcullis_path) = "$argv"
end
function __portcullis_profiles
  portcullis profiles 2>/dev/null | string replace -r ' \\(default\\)$' ''
end
complete -c portcullis -e
${commands.map(completions).join('\n')}
`
}

function transitions(commands: readonly DescribedCommand[]): string {
  return commands
    .flatMap(({ path, commands: children, options }) => {
      const withValue = options.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags)
      return [
        ...children.map(
          ({ name }) =>
            `      case ${quote(`${path} ${name}`)}\n        set path ${quote(join(path, name))}`,
        ),
        ...(withValue.length === 0
          ? []
          : [
              `      case ${withValue.map((flag) => quote(`${path} ${flag}`)).join(' ')}\n        set skip 1`,
            ]),
      ]
    })
    .join('\n')
}

function completions({ path, commands, options, values, takesCommand }: DescribedCommand): string {
  const start = `complete -c portcullis -n ${quote(`__portcullis_at ${path}`)}`
  const lines = [
    ...commands.map(
      ({ name, description }) => `${start} -f -a ${quote(name)} -d ${quote(description)}`,
    ),
    ...(values === 'any' ? [] : [`${start} -f -a ${wordsOf(values)}`]),
    ...(takesCommand ? [`${start} -f -a '(__fish_complete_subcommand)'`] : []),
    ...options.map((option) => optionLine(start, option)),
  ]
  return lines.join('\n')
}

function optionLine(
  start: string,
  { flags, description, takesValue, values }: DescribedOption,
): string {
  const names = flags.map((flag) =>
    flag.startsWith('--') ? `-l ${quote(flag.slice(2))}` : `-s ${quote(flag.slice(1))}`,
  )
  const value = !takesValue ? '' : values === 'any' ? ' -r' : ` -x -a ${wordsOf(values)}`
  return `${start} ${names.join(' ')}${value} -d ${quote(description)}`
}

function wordsOf(values: Exclude<Values, 'any'>): string {
  return values === 'profiles' ? `'(__portcullis_profiles)'` : quote(values.join(' '))
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path} ${name}`
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`
}
