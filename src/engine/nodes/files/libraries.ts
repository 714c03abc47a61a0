/** Few workflows read or write such files, and most processes start without: what does it is loaded when it is asked for. */
export const csvParser = async () => await import('csv-parse')
export const csvWriter = async () => await import('csv-stringify/sync')
export const zipReader = async () => (await import('yauzl')).default
export const zipWriter = async () => (await import('yazl')).default
export const xmlParser = async () => await import('saxes')
