/**
 * The REST API of the server extension, as far as it is used here.
 */
import { URLExt } from '@jupyterlab/coreutils';
import type * as nbformat from '@jupyterlab/nbformat';
import { ServerConnection } from '@jupyterlab/services';

/** One execution of a cell, with what it has shown. */
export interface IRun {
  msg_id: string;
  session: string;
  cell_id: string | null;
  code: string;
  execution_count: number | null;
  state: 'running' | 'finished';
  outputs: nbformat.IOutput[];
  /** Which of the outputs have a display id, by the id. */
  displays: Record<string, number[]>;
  /** By prefix of message ids, the highest number of which the outputs have the message. */
  last: Record<string, number>;
}

/** What a kernel's runs have shown that its notebook may lack. */
export interface IRecording {
  recorded: boolean;
  trouble: string | null;
  /** By path, a file's `last_modified` before and after each write of the recorder, while nobody else changed it. */
  versions: Record<string, string[]>;
  runs: IRun[];
}

/**
 * Return the recording of a kernel and take it over for the front end whose kernel connection is `session`, so that
 * the server no longer writes it into the file.
 */
export async function takeOver(
  kernelId: string,
  session: string,
  settings: ServerConnection.ISettings
): Promise<IRecording> {
  const url = URLExt.join(
    settings.baseUrl,
    'jupyter-emr-connect/kernels',
    encodeURIComponent(kernelId),
    'recording'
  );
  const init = { method: 'POST', body: JSON.stringify({ session }) };
  const response = await ServerConnection.makeRequest(url, init, settings);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return (await response.json()) as IRecording;
}
