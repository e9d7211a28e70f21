/**
 * The REST API of the server extension, as far as it is used here.
 */
import { URLExt } from '@jupyterlab/coreutils';
import type * as nbformat from '@jupyterlab/nbformat';
import { ServerConnection } from '@jupyterlab/services';

/** Message ids in one request; the server takes 4,096 characters. */
const MOST_IDS = 50;

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
  const body = { session };
  const response = await request(kernelId, 'POST', body, settings);
  return (await response.json()) as IRecording;
}

/**
 * Tell the server that the notebook was saved by the front end whose kernel connection is `session` as it showed it
 * after these runs had ended (`saved`, their message ids): what the user cleared or deleted since stays so.
 */
export async function tellSaved(
  kernelId: string,
  session: string,
  saved: string[],
  settings: ServerConnection.ISettings
): Promise<void> {
  for (let begin = 0; begin < saved.length; begin += MOST_IDS) {
    const ids = saved.slice(begin, begin + MOST_IDS).join(',');
    const body = { session, saved: ids };
    await request(kernelId, 'PATCH', body, settings);
  }
}

async function request(
  kernelId: string,
  method: 'POST' | 'PATCH',
  body: unknown,
  settings: ServerConnection.ISettings
): Promise<Response> {
  const url = URLExt.join(
    settings.baseUrl,
    'jupyter-emr-connect/kernels',
    encodeURIComponent(kernelId),
    'recording'
  );
  const init = { method, body: JSON.stringify(body) };
  const response = await ServerConnection.makeRequest(url, init, settings);
  if (!response.ok) {
    throw await ServerConnection.ResponseError.create(response);
  }
  return response;
}
