// Rules of an identity map that open roles without naming them: they are only ever for a role that the
// client asks for.
import { isRoleName } from './role-name.ts'
import type { OpenRule } from './identity-map.ts'

/** What must be true of a role in the catalog of its server before its session is anybody's. */
export interface Condition {
  /** It is a member of one of these; without any, nothing but that it is no superuser. */
  readonly memberOf: readonly string[]
}

/**
 * Whether the rules open a role, and under which condition. One rule is enough, and one without a
 * condition goes before those that have one.
 */
export function openTo(role: string, rules: readonly OpenRule[]): Condition | undefined {
  // What PostgreSQL cuts is not what a pattern has looked at.
  if (!isRoleName(role)) return undefined
  if (rules.some((rule) => opens(rule, role))) return { memberOf: [] }
  const memberOf = new Set(rules.flatMap((rule) => (rule.kind === 'members' ? [rule.of] : [])))
  return memberOf.size === 0 ? undefined : { memberOf: [...memberOf] }
}

function opens(rule: OpenRule, role: string): boolean {
  return rule.kind === 'any' || (rule.kind === 'pattern' && rule.pattern.matcher(role).find())
}

/** For a step: what an operator reads of a rule. */
export function describeRule(rule: OpenRule): string {
  switch (rule.kind) {
    case 'any':
      return 'any role'
    case 'pattern':
      return `/${rule.pattern.pattern()}`
    case 'members':
      return `members of ${rule.of}`
  }
}
