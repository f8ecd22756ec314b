/** Faults of being let in: servers, logins, certificates. All may be mended while a node waits, so it tries again; a start gives up. */
import type { FaultEntry } from './entry.ts'

export const accessFaults = {
  'login.missing': [
    'retry',
    'The server at {value} lets nobody in without credentials, and none were given. Name yours (--user with PERDURE_AUTH_PASS, --creds or --nkey), or say where "perdure up" keeps its own (--dir).',
  ],
  'login.refused': [
    'retry',
    'The server at {value} does not let in {who}. Check the credentials that are configured (perdure config auth) against those that this server knows.',
  ],
  'login.expired': [
    'retry',
    'The rights of {who} at {value} ended at {at}. Get new credentials and start again with them.',
  ],
  'login.unusable': ['crash', 'The {value} cannot be used: {reason}. Name the right file with --creds or --nkey.'],
  'tls.untrusted': [
    'retry',
    'The certificate of the server at {value} is not to be trusted: {reason}. Name the authority that signed it with --tls-ca-file; if you did, this may not be your server.',
  ],
  'tls.expired': [
    'retry',
    'The certificate of the server at {value} {reason}. Renew it on the server, or set the clock of this machine.',
  ],
  'tls.wrongName': [
    'retry',
    'The certificate of the server at {value} was made for another name. Name the server as its certificate does (--servers); if you did, this may not be your server.',
  ],
  'tls.refused': [
    'retry',
    'The server at {value} refuses {who}: {reason}. Name a valid one that its authority has signed with --tls-cert-file and --tls-key-file.',
  ],
  'tls.absent': [
    'retry',
    'TLS is configured (perdure config tls), but the server at {value} speaks without it. Leave those settings out, or switch TLS on there.',
  ],
  'tls.unusable': [
    'retry',
    'The files for TLS cannot be used: {reason}. Check tls.caFile, tls.certFile and tls.keyFile (perdure config tls).',
  ],
  'bus.tooBig': [
    'park',
    'The entry for {value} is {size} bytes; the server takes {limit} (max_payload). Make it smaller, or raise max_payload.',
  ],
  'bus.nobody': ['retry', 'Nobody answers at "{value}" now.'],
  'bus.closed': ['crash', 'The connection to the server is closed.'],
  'log.gap': [
    'crash',
    "The records of partition {partition} have a gap: {want} was expected, {have} came. The store is older than the log's beginning; rebuild it: stop the node, remove its store directory, start again.",
  ],
  'record.undecodable': [
    'crash',
    'A record of {size} bytes cannot be read: {reason}. Something else than perdure wrote to the subject, or the log is damaged; see "perdure doctor".',
  ],
  'delta.unfit': [
    'crash',
    'A stored difference does not fit the state it belongs to: {reason}. Remove the store directory: it is rebuilt from the log.',
  ],
  'log.shorter': [
    'crash',
    'The log of "{value}" no longer holds what it had acknowledged: {reason}. The server lost data (a rolled-back disk?). Nothing is written to it until it is mended; see "perdure doctor".',
  ],
  'errand.unknown': [
    'park',
    'What another node asks, in {size} bytes, has a format that this release does not know. Bring all nodes to one release.',
  ],
  'log.mending': ['retry', 'The log of "{value}" is being mended; it goes on in a moment.'],
  'log.forked': [
    'crash',
    'Partition {partition} went on without its last records: this node holds it up to record {have}, and the log went on from record {want}. What this node has of it is dropped and folded again from the log.',
  ],
  'mend.unknown': [
    'park',
    'What another node says of mending the log ({size} bytes) is of a form that this release does not know. Run the same release of perdure on all nodes.',
  ],
  'query.unknown': [
    'crash',
    'What was asked of a node, or its answer ({size} bytes), has a format that this release does not know. Use one release of perdure everywhere.',
  ],
  'heartbeat.unknown': [
    'park',
    'A heartbeat of {size} bytes has a format that this release does not know. Bring all nodes to one release.',
  ],
  'trimming.unknown': [
    'park',
    'What another node said about trimming ({size} bytes) is of a form that this release does not know. Run the same release of perdure on all nodes.',
  ],
  'node.isolated': [
    'retry',
    'The node "{value}" is cut off: neither the log nor another node was heard for {ms} ms. It has let go of its partitions, and takes its share again when it is heard. Look at its network.',
  ],
  'node.nameTaken': [
    'crash',
    'Another node named "{value}" runs in this realm. Give this one a name of its own with --name, or stop the other.',
  ],
  'node.absent': [
    'park',
    'No node named "{value}" answers in realm "{realm}". {here} "perdure nodes" lists those that are there.',
  ],
  'node.impatient': [
    'crash',
    'The node "{value}" could not start within {ms} ms. {reason} Look whether the servers run and know each other (of three, two must be there): perdure doctor. It waits longer with start.patienceMs.',
  ],
  'node.last': [
    'park',
    'No other node of "{realm}" is ready to take what "{value}" has. Start one first; or stop it all the same, with Ctrl-C or SIGTERM there: events are stored meanwhile and wait.',
  ],
  'node.died': ['park', 'The node "{value}" ended by itself ({reason}). It said last: {lines}.'],
  'node.ended': [
    'park',
    'The node "{value}" ended before it had given everything away: it had {left} partitions left. Nothing is lost; the others take them over.',
  ],
  'node.replaced': [
    'crash',
    'A later process runs under the name "{value}" and has taken this place in the realm. Give each node a name of its own with --name.',
  ],
  'partition.lost': ['crash', 'Partition {partition} was claimed by another node (epoch {have}, ours was {want}).'],
  'partition.unowned': [
    'retry',
    'No node answers for partition {partition} of "{value}". Start a node, or wait for one to take over.',
  ],
  'query.failed': ['park', 'The owner could not answer ({code}): {reason}'],
  'answer.tooBig': [
    'park',
    'The answer is {size} bytes; its node gives out {limit} at once. Raise ask.answerBytesMost there, or ask for less.',
  ],
  'answer.gone': ['retry', 'The answer is not held any more, and part {value} of it was not given. Ask again.'],
} as const satisfies Record<string, FaultEntry>
