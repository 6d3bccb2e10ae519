import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { resume } from "@/features/sign-in/resume";
import { login } from "@/lib/login";
import { nonce } from "@/lib/nonce";
import { queryClient } from "@/lib/query";
import { startTheme } from "@/lib/theme";
import { router } from "./app/router";
import "./styles.css";

startTheme();
// A server that was brought up to date has other files: whoever has the old page open gets the new one.
window.addEventListener("vite:preloadError", () => window.location.reload());
if (nonce) setNonce(nonce);
const root = document.getElementById("root");
if (root) {
  if (login.mode === "oidc" || login.mode === "clerk") root.innerText = "Signing in …";
  await resume();
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
