/**
 * Our icon.
 */
import { LabIcon } from '@jupyterlab/ui-components';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
<g class="jp-icon3 jp-icon-selectable" fill="#616161">
<path d="M12 2 3 6.5v11L12 22l9-4.5v-11zm0 2.2 6.4 3.2L12 10.6 5.6 7.4zM5 9l6 3v7.3l-6-3zm8 10.3V12l6-3v7.3z"/>
</g></svg>`;

/** A cube: a compute. */
export const emrIcon = new LabIcon({ name: 'emr:compute', svgstr: SVG });
