/** Every address of the Studio, in one place. */
const project = (id: string) => `/p/${id}`;

export const paths = {
  home: () => "/",
  invite: () => "/invite",
  prompts: (p: string) => `${project(p)}/prompts`,
  newPrompt: (p: string) => `${project(p)}/prompts/new`,
  prompt: (p: string, id: string) => `${project(p)}/prompts/${id}`,
  history: (p: string, id: string) => `${project(p)}/prompts/${id}/history`,
  run: (p: string, id: string) => `${project(p)}/prompts/${id}/run`,
  parts: (p: string) => `${project(p)}/parts`,
  part: (p: string, id: string) => `${project(p)}/parts/${id}`,
  runs: (p: string) => `${project(p)}/runs`,
  runDetail: (p: string, id: string) => `${project(p)}/runs/${id}`,
  stats: (p: string) => `${project(p)}/stats`,
  requests: (p: string) => `${project(p)}/requests`,
  settings: (p: string, page = "general") => `${project(p)}/settings/${page}`,
  workspace: (w: string, page = "projects") => `/w/${w}/${page}`,
} as const;
