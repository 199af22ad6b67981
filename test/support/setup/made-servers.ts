import diagnostics from 'node:diagnostics_channel';

/**
 * Where the framework tells of each server that is made of it: of gateways alone, the simulator is none. Held for as long as
 * the process, since Node 20 forgets a channel that is collected and asked for again at once, with whoever listens to it.
 */
export const madeServers = diagnostics.channel('fastify.initialization');
