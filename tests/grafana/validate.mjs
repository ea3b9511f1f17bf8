// Checks dashboards against JSON schemas made from Grafana's own types: the dashboard, and for each kind of panel its
// options and field options, which the dashboard's type leaves open. Against each of the Grafana versions that
// package.json names.
//
// Usage: node validate.mjs FOLDER_WITH_NODE_MODULES DASHBOARD...
// Prints one line per offence. Exit status: 0 none, 1 some, 2 the schemas could not be made.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, ...files] = process.argv.slice(2);
const modules = path.resolve(folder, 'node_modules');
const load = createRequire(pathToFileURL(path.join(modules, 'here.js')));
const Ajv = load('ajv').default ?? load('ajv');

// Where each version keeps the same things.
const versions = {
  11: {
    index: 'grafana-schema-11/dist/esm/index.d.ts',
    dashboard: 'grafana-schema-11/dist/esm/raw/dashboard/x/dashboard_types.gen',
    panel: (name) => `grafana-schema-11/dist/esm/raw/composable/${name}/panelcfg/x/`,
  },
  12: {
    index: 'grafana-schema-12/dist/types/index.d.ts',
    dashboard: 'grafana-schema-12/dist/types/raw/dashboard/x/types.gen',
    panel: (name) => `grafana-schema-12/dist/types/raw/composable/${name}/panelcfg/x/`,
  },
};

const dashboards = files.map((file) => ({ file, content: JSON.parse(fs.readFileSync(file, 'utf8')) }));
for (const { content } of dashboards) {
  // Grafana writes a copy of a variable's query under this name, which its own type does not have.
  for (const variable of content.templating?.list ?? []) delete variable.definition;
}
const panelsOf = (board) => (board.panels ?? []).flatMap((panel) => [panel, ...panelsOf(panel)]);
const kinds = [...new Set(dashboards.flatMap(({ content }) => panelsOf(content).map((panel) => panel.type)))].sort();

function typesOf(version, kind) {
  const directory = path.join(modules, version.panel(kind));
  if (!fs.existsSync(directory)) return null;
  const name = fs.readdirSync(directory).find((each) => each.endsWith('types.gen.d.ts'));
  const text = fs.readFileSync(path.join(directory, name), 'utf8');
  return { from: path.join(directory, name.replace('.d.ts', '')), fields: text.includes('interface FieldConfig') };
}

// One source that names everything wanted, so that the generator reads the types once.
function writeSource(number, version) {
  const lines = [`import type { Dashboard } from '${path.join(modules, version.dashboard)}';`];
  const members = ['dashboard: Dashboard;'];
  for (const kind of kinds) {
    const types = typesOf(version, kind);
    if (!types) continue;
    lines.push(`import type * as ${kind} from '${types.from}';`);
    members.push(`${kind}_options: ${kind}.Options;`);
    if (types.fields) members.push(`${kind}_fields: Partial<${kind}.FieldConfig>;`);
  }
  lines.push('export interface Everything {', ...members, '}');
  const source = path.resolve(folder, `everything-${number}.ts`);
  fs.writeFileSync(source, lines.join('\n') + '\n');
  const config = path.resolve(folder, `tsconfig-${number}.json`);
  fs.writeFileSync(config, JSON.stringify({
    compilerOptions: {
      module: 'esnext', moduleResolution: 'bundler', skipLibCheck: true, strict: true, types: [],
      paths: { '@grafana/schema': [path.join(modules, version.index)] },
    },
    files: [source],
  }));
  return { source, config };
}

async function makeValidators(number, version) {
  const { createGenerator } = await import(pathToFileURL(load.resolve('ts-json-schema-generator')).href);
  const { source, config } = writeSource(number, version);
  // Every panel kind has its own `Options`: named definitions would collide.
  const schema = createGenerator({
    path: source, tsconfig: config, type: 'Everything', skipTypeCheck: true, expose: 'none', topRef: true,
  }).createSchema('Everything');
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajv.addSchema(schema, 'all');
  const parts = schema.definitions.Everything.properties;
  return Object.fromEntries(Object.keys(parts).map((name) => [
    name, ajv.compile({ $ref: `all#/definitions/Everything/properties/${name}` })]));
}

const offences = [];
function complain(where, validate, value) {
  if (validate(value)) return;
  for (const error of validate.errors) {
    const more = error.params.additionalProperty ?? error.params.allowedValues?.join(', ') ?? '';
    offences.push(`${where}${error.instancePath}: ${error.message} ${more}`);
  }
}

// "custom.width" of an override, as the field options that it sets.
function overrideErrors(validate, panel) {
  const wrong = [];
  for (const override of panel.fieldConfig?.overrides ?? []) {
    for (const { id, value } of override.properties) {
      if (id.startsWith('custom.') && !validate({ [id.slice('custom.'.length)]: value })) {
        wrong.push(`${override.matcher.options}: ${id}: ${validate.errors[0].message}`);
      }
    }
  }
  return wrong;
}

const unknownOverrides = new Map();  // what is wrong -> in how many versions
for (const [number, version] of Object.entries(versions)) {
  const validators = await makeValidators(number, version).catch((error) => {
    console.log(`Grafana ${number}: no schema: ${error.stack ?? error}`);
    process.exit(2);
  });
  for (const { file, content } of dashboards) {
    const board = `${path.basename(file)} (Grafana ${number})`;
    complain(board, validators.dashboard, content);
    for (const panel of panelsOf(content)) {
      const where = `${board}: panel ${JSON.stringify(panel.title)}`;
      const options = validators[`${panel.type}_options`];
      if (!options) {
        offences.push(`${where}: there is no panel type ${panel.type}`);
        continue;
      }
      complain(`${where}: options`, options, panel.options);
      const fields = validators[`${panel.type}_fields`];
      if (!fields) continue;
      complain(`${where}: field options`, fields, panel.fieldConfig?.defaults?.custom ?? {});
      for (const wrong of overrideErrors(fields, panel)) {
        const key = `${path.basename(file)}: panel ${JSON.stringify(panel.title)}: override of ${wrong}`;
        unknownOverrides.set(key, (unknownOverrides.get(key) ?? 0) + 1);
      }
    }
  }
}
// An override that one version has renamed is given under both names, so it must be known to one of them.
for (const [what, count] of unknownOverrides) {
  if (count === Object.keys(versions).length) offences.push(what);
}
for (const offence of offences) console.log(offence);
process.exit(offences.length === 0 ? 0 : 1);
