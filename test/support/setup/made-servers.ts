import diagnostics from 'node:diagnostics_channel';

/**
 * The channel on which Fastify announces each server created with it; only gateways are, the simulator is not. Held for
 * the life of the process, since Node 20 loses a channel's subscribers when the channel is garbage-collected and
 * requested again.
 */
export const madeServers = diagnostics.channel('fastify.initialization');
