import { printable } from '../refusal.ts'
import type { ExplainedRefusal, ExplainedStep, Explanation } from './explanation.ts'

/** An explanation for people: one line for each step, then what came of it. */
export function formatExplanation(explanation: Explanation): string {
  const { request, steps } = explanation
  const width = Math.max(0, ...steps.map(({ check }) => check.length))
  const heading =
    `Login as user "${printable(request.user)}" to database "${printable(request.database)}" ` +
    `from ${printable(request.from)} at ${request.listener}:`
  return `${[
    heading,
    '',
    ...steps.map((step) => formatStep(step, width)),
    '',
    ...formatOutcome(explanation),
  ].join('\n')}\n`
}

function formatStep({ check, compared, passed, verified }: ExplainedStep, width: number): string {
  const verdict = passed === null ? '?' : passed ? 'ok' : 'FAIL'
  const mark = verified || passed === null ? '' : ' (not verified)'
  return `  ${verdict.padEnd(4)}  ${check.padEnd(width)}  ${compared}${mark}`
}

function formatOutcome(explanation: Explanation): string[] {
  const { outcome, steps, role, groups, refusal } = explanation
  switch (outcome) {
    case 'granted':
      if (explanation.console !== null) {
        return [
          `GRANTED: the console, with the right "${explanation.console}"${formatGroups(groups)}.`,
        ]
      }
      return [`GRANTED: role "${printable(role ?? '')}"${formatGroups(groups)}.`]
    case 'undecided':
      return formatUndecided(explanation)
    case 'denied': {
      if (refusal === null) return ['DENIED.']
      // A verdict on claims that nobody has verified holds all the same: no signature would help.
      const whoever = steps.at(-1)?.verified === false ? ', whoever signed the token' : ''
      return [`DENIED: ${refusal.reason}${whoever}`, ...formatRefusal(refusal)]
    }
  }
}

function formatUndecided({
  credential,
  steps,
  role,
  groups,
  refusal,
  console: right,
}: Explanation): string[] {
  if (right !== null) {
    if (credential === 'password') {
      return [
        `UNDECIDED: the secret is not looked at here. With the right one it is "${right}" at the console.`,
      ]
    }
    const whoever = `UNDECIDED: the signature was not checked. If the token is genuine, the right at the console is "${right}"${formatGroups(groups)}.`
    if (refusal === null) return [whoever]
    return [whoever, 'A gate that has no keys either answers:', ...formatRefusal(refusal)]
  }
  if (role === null) {
    return [
      'UNDECIDED: only the identity provider can say whose token it is, and it was not asked.',
      ...(refusal === null
        ? []
        : ['A gate that cannot ask it answers:', ...formatRefusal(refusal)]),
    ]
  }
  const name = `"${printable(role)}"`
  if (credential === 'password') {
    return [`UNDECIDED: PostgreSQL decides on the password of user ${name}.`]
  }
  const needsMembership = steps.some(({ check }) => check === 'membership')
  const membership = `PostgreSQL decides whether ${name} is a member of a role that is named above`
  if (needsMembership && steps.every(({ verified }) => verified)) {
    return [`UNDECIDED: ${membership}. If it is, that is the role.`]
  }
  return [
    `UNDECIDED: the signature was not checked. If the token is genuine, the role is ${name}${formatGroups(groups)}.`,
    ...(needsMembership ? [`And ${membership}.`] : []),
    ...(refusal === null
      ? ['Without --offline the keys of the identity provider are fetched.']
      : ['A gate that has no keys either answers:', ...formatRefusal(refusal)]),
  ]
}

function formatGroups(groups: readonly string[]): string {
  return groups.length === 0 ? '' : `, by the groups ${groups.join(', ')}`
}

function formatRefusal(refusal: ExplainedRefusal): string[] {
  const { sqlstate, message, detail, hint, log, meaning, remedy } = refusal
  const lines: readonly (readonly [string, string | null])[] = [
    ['client gets', `FATAL: ${sqlstate}: ${message}`],
    ['', detail === null ? null : `DETAIL: ${detail}`],
    ['', hint === null ? null : `HINT: ${hint}`],
    ['log has', log],
    ['meaning', meaning],
    ['remedy', remedy],
  ]
  return lines.flatMap(([label, text]) => (text === null ? [] : [`  ${label.padEnd(11)}  ${text}`]))
}
