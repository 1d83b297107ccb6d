import { expect, test } from 'vitest'
import { signInPagesAt } from '../../../src/session/sign-in-paths.ts'

test('clients of the only node wait at the address that all see, and their codes can be entered there', () => {
  expect(signInPagesAt('https://gate.example.com', undefined)).toEqual({
    origin: 'https://gate.example.com',
    devicePage: 'https://gate.example.com/device',
  })
})

test('clients of one node of several wait at its own, and no page of another is told their codes', () => {
  expect(signInPagesAt('https://gate.example.com', 'https://gw1.example.com')).toEqual({
    origin: 'https://gw1.example.com',
    devicePage: undefined,
  })
})
