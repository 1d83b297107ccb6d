import { html } from 'hono/html'
import type { Html } from './html.ts'

export interface TextField {
  readonly name: string
  readonly label: string
  readonly value?: string
  readonly type?: 'text' | 'search' | 'number'
  readonly hint?: string
  /** What is wrong with the value. */
  readonly problem?: string
  readonly isRequired?: boolean
  readonly maxLength?: number
  /** What browsers may fill in: nothing, but where it is said. */
  readonly autocomplete?: string
}

/** `textField({ name: 'code', label: 'Code', hint: 'As your client shows it.' })` */
export function textField(field: TextField): Html {
  const { name, label, value = '', type = 'text', hint, problem, maxLength = 256 } = field
  const id = `field-${name}`
  const described = [
    ...(hint === undefined ? [] : [`${id}-hint`]),
    ...(problem === undefined ? [] : [`${id}-problem`]),
  ].join(' ')
  return html`<div class="field">
    <label for="${id}">${label}</label>
    <input
      id="${id}"
      name="${name}"
      type="${type}"
      value="${value}"
      maxlength="${maxLength}"
      autocomplete="${field.autocomplete ?? 'off'}"
      ${described === '' ? '' : html`aria-describedby="${described}"`}
      ${problem === undefined ? '' : html`aria-invalid="true"`}
      ${field.isRequired === true ? 'required' : ''}
    />
    ${hint === undefined ? '' : html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${problem === undefined ? '' : html`<p class="problem" id="${id}-problem">${problem}</p>`}
  </div>`
}

export interface Choice {
  readonly name: string
  readonly label: string
  readonly options: readonly { readonly value: string; readonly label: string }[]
  readonly chosen?: string | undefined
}

/** `selectField({ name: 'role', label: 'Role', options: [{ value: 'app', label: 'app' }] })` */
export function selectField({ name, label, options, chosen }: Choice): Html {
  const id = `field-${name}`
  return html`<div class="field">
    <label for="${id}">${label}</label>
    <select id="${id}" name="${name}">
      ${options.map(
        (one): Html =>
          html`<option value="${one.value}" ${one.value === chosen ? 'selected' : ''}>
            ${one.label}
          </option>`,
      )}
    </select>
  </div>`
}

/** `checkbox({ name: 'bound', label: 'Good for this database alone', isChecked: true })` */
export function checkbox(one: {
  readonly name: string
  readonly label: string
  readonly isChecked?: boolean
}): Html {
  const { name, label, isChecked = false } = one
  const id = `field-${name}`
  return html`<div class="choice">
    <input type="checkbox" id="${id}" name="${name}" value="yes" ${isChecked ? 'checked' : ''} />
    <label for="${id}">${label}</label>
  </div>`
}
