// @peculiar/x509 brings tsyringe, which refuses to load without the metadata half of the decorators
// proposal, although nothing of it is stored for the classes it registers. This is the empty half;
// where the `reflect-metadata` package is loaded already, it stays.
if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, {
    getMetadata: () => undefined,
    getOwnMetadata: () => undefined,
    defineMetadata: () => undefined,
  })
}
