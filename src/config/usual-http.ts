/** Where health and metrics are, if the configuration does not say it. */
export const usualHttpAddress = '127.0.0.1'
export const usualHttpPort = 8432
