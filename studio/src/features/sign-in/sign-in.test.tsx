import { render, screen } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";

async function signIn(told: object, refused?: Error) {
  document.head.innerHTML = '<meta name="dakora-login">';
  document.querySelector("meta")?.setAttribute("content", JSON.stringify(told));
  const { SignIn } = await import("./sign-in");
  render(<SignIn onSignedIn={() => undefined} refused={refused} />);
}

beforeEach(() => vi.resetModules());

test("a server with keys only asks for a key at once", async () => {
  await signIn({ mode: "keys" });
  expect(screen.getByLabelText("API key")).toBeVisible();
  expect(screen.getAllByRole("button", { name: /sign in/i })).toHaveLength(1);
});

test("whoever the server refuses though the login service let them in is told why", async () => {
  await signIn({ mode: "oidc", authorization_endpoint: "https://id.example.com/auth" }, new Error("The session token is meant for another audience."));
  expect(screen.getByRole("alert")).toHaveTextContent("meant for another audience");
  expect(screen.getByRole("button", { name: "Sign in" })).toBeEnabled();
});

test("while the login service is away only a key opens the Studio, and the page says so", async () => {
  await signIn({ mode: "oidc", client_id: "studio" });
  expect(screen.getByRole("alert")).toHaveTextContent("cannot be reached");
  expect(screen.queryByRole("button", { name: "Sign in" })).toBeNull();
  expect(screen.getByText("With an API key instead")).toBeVisible();
});
