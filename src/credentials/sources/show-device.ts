/** What somebody has to open on another machine. Codes and addresses have been looked at: they can be printed. */
export function deviceLines({
  verificationUri,
  completeUri,
  userCode,
}: {
  readonly verificationUri: string
  readonly completeUri: string | undefined
  readonly userCode: string
}): readonly string[] {
  const other =
    completeUri === undefined ? [] : [`Or open ${completeUri} and compare the code there.`]
  return [
    `Open this page in a browser, on any machine: ${verificationUri}`,
    `and enter the code: ${userCode}`,
    ...other,
  ]
}
