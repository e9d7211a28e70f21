/**
 * What tests have in place of a server and of notebooks.
 */
export * from './answers';
export * from './models';
export * from './notebooks';
export * from './server';
export * from './waiting';
