// What a process has used, read from /proc: the same for a program of any kind.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Of all threads of the process, without its children. */
export interface CpuUse {
  readonly userUs: number
  readonly systemUs: number
}

/** The unit of /proc/<pid>/stat, USER_HZ, is a hundredth of a second on every Linux (`man 5 proc`). */
const tickUs = 10_000
const kilobyte = 1024

const settlePollMs = 250
const settledPolls = 12
const settleDeadlineMs = 20_000
/** Changes below this do not count as changes. */
const settledShare = 0.005

export function readCpu(pid: number): CpuUse {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in brackets may hold spaces. Behind it: state is the third field, utime the fourteenth.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { userUs: Number(fields[11]) * tickUs, systemUs: Number(fields[12]) * tickUs }
}

export function cpuSince(pid: number, before: CpuUse): CpuUse {
  const now = readCpu(pid)
  return { userUs: now.userUs - before.userUs, systemUs: now.systemUs - before.systemUs }
}

export function totalUs({ userUs, systemUs }: CpuUse): number {
  return userUs + systemUs
}

export function readResidentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * kilobyte
}

/** Resident memory once it has stayed the same for three seconds, or as it is at the deadline. */
export async function settledResidentBytes(pid: number): Promise<number> {
  const deadline = performance.now() + settleDeadlineMs
  let settled = readResidentBytes(pid)
  let polls = 0
  while (polls < settledPolls && performance.now() < deadline) {
    await delay(settlePollMs)
    const bytes = readResidentBytes(pid)
    polls = Math.abs(bytes - settled) <= settled * settledShare ? polls + 1 : 0
    if (polls === 0) settled = bytes
  }
  return readResidentBytes(pid)
}
