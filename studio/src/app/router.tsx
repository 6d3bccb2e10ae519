import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { nameInAddress, meQuery } from "@/features/me/queries";
import { ProjectShell, RootFrame } from "./frame";
import { paths } from "@/config/paths";
import { queryClient } from "@/lib/query";
import { NotFound } from "@/pages/not-found";
import { PromptsPage } from "@/pages/prompts";

const root = createRootRoute({ component: RootFrame, notFoundComponent: NotFound });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: async () => {
    const me = await queryClient.ensureQueryData(meQuery).catch(() => null);
    const to = me?.default_project ? paths.prompts(nameInAddress(me.default_project)) : null;
    if (to) throw redirect({ to, replace: true });
  },
  component: lazyRouteComponent(() => import("@/pages/welcome"), "WelcomePage"),
});
const invite = createRoute({
  getParentRoute: () => root,
  path: "/invite",
  component: lazyRouteComponent(() => import("@/pages/invite"), "InvitePage"),
});
const workspace = createRoute({
  getParentRoute: () => root,
  path: "/w/$workspace/$page",
  component: lazyRouteComponent(() => import("@/pages/workspace"), "WorkspacePage"),
});

const project = createRoute({ getParentRoute: () => root, path: "/p/$project", component: ProjectShell });
type Filters = Record<string, string | undefined>;
const texts = (given: Record<string, unknown>): Filters =>
  Object.fromEntries(Object.entries(given).flatMap(([k, v]) => (v === "" || v == null ? [] : [[k, String(v)]])));
const pages = [
  createRoute({ getParentRoute: () => project, path: "/prompts", validateSearch: texts, component: PromptsPage }),
  createRoute({
    getParentRoute: () => project,
    path: "/prompts/new",
    component: lazyRouteComponent(() => import("@/pages/new-prompt"), "NewPromptPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/prompts/$prompt",
    component: lazyRouteComponent(() => import("@/pages/prompt"), "PromptPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/prompts/$prompt/history",
    component: lazyRouteComponent(() => import("@/pages/history"), "HistoryPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/prompts/$prompt/run",
    validateSearch: texts,
    component: lazyRouteComponent(() => import("@/pages/run"), "RunPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/parts",
    component: lazyRouteComponent(() => import("@/pages/parts"), "PartsPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/parts/$category/$part",
    component: lazyRouteComponent(() => import("@/pages/part"), "PartPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/runs",
    validateSearch: texts,
    component: lazyRouteComponent(() => import("@/pages/runs"), "RunsPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/runs/$run",
    component: lazyRouteComponent(() => import("@/pages/run-detail"), "RunDetailPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/stats",
    validateSearch: texts,
    component: lazyRouteComponent(() => import("@/pages/stats"), "StatsPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/requests",
    component: lazyRouteComponent(() => import("@/pages/requests"), "RequestsPage"),
  }),
  createRoute({
    getParentRoute: () => project,
    path: "/settings/$page",
    component: lazyRouteComponent(() => import("@/pages/settings"), "SettingsPage"),
  }),
];

export const router = createRouter({
  routeTree: root.addChildren([home, invite, workspace, project.addChildren(pages)]),
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
