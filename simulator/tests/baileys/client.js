// One Baileys client against the simulator, driven by JSON lines on standard input; it reports on standard output.
//
// Usage: node client.js FOLDER URL ROOT_PUBLIC_KEY_HEX [PHONE]
//   FOLDER  where the client keeps its keys
//   PHONE   digits: link by code for this number instead of by QR
// Input:  {"send": "text", "to": "5511…@s.whatsapp.net"}, {"create": "a group's name", "members": […]} or {"quit": true}
// Output: {"event": "qr" | "code" | "open" | "close" | "message" | "receipt" | "sent" | "group" | "error", …}
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [folder, url, rootKey, phone] = process.argv.slice(2)
// Baileys is installed in the working directory, not beside this file.
const require = createRequire(pathToFileURL(`${process.cwd()}/package.json`))
const baileys = await import(pathToFileURL(require.resolve('baileys')))
const silent = require('pino')({ level: process.env.BAILEYS_LOG ?? 'silent' }, process.stderr)

const report = (event, facts = {}) => process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`)
baileys.WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'hex')

let socket
async function connect() {
  const { state, saveCreds } = await baileys.useMultiFileAuthState(folder)
  socket = baileys.makeWASocket({
    auth: state,
    logger: silent,
    version: [2, 3000, 1035194821],
    waWebSocketUrl: url,
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => false
  })
  socket.ev.on('creds.update', saveCreds)
  let asked = false
  socket.ev.on('connection.update', async ({ connection, lastDisconnect, qr }) => {
    if (qr && !phone) report('qr', { qr })
    if (qr && phone && !asked) {
      asked = true
      report('code', { code: await socket.requestPairingCode(phone) })
    }
    if (connection === 'open') report('open', { jid: socket.user.id, lid: socket.user.lid })
    if (connection === 'close') {
      const status = lastDisconnect?.error?.output?.statusCode
      if (status === baileys.DisconnectReason.restartRequired) await connect()
      else report('close', { status, reason: String(lastDisconnect?.error?.message) })
    }
  })
  socket.ev.on('messages.upsert', ({ messages }) => {
    for (const { key, message, pushName } of messages) {
      if (key.fromMe || !message) continue
      const text = message.conversation ?? message.extendedTextMessage?.text
      report('message', {
        id: key.id, from: key.remoteJid, alt: key.remoteJidAlt, author: key.participant, pushName, text
      })
    }
  })
  socket.ev.on('messages.update', (updates) => {
    for (const { key, update } of updates) report('receipt', { id: key.id, status: update.status })
  })
}

await connect()
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  if (request.quit) break
  try {
    if (request.create) {
      const group = await socket.groupCreate(request.create, request.members)
      report('group', { id: group.id, subject: group.subject, members: group.participants.length })
      continue
    }
    const sent = await socket.sendMessage(request.to, { text: request.send })
    report('sent', { id: sent.key.id })
  } catch (error) {
    report('error', { message: String(error) })
  }
}
process.exit(0)
