import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { live, queryClient } from "~/app/live";
import { Root } from "~/app/root";
import { router } from "~/app/router";
import { signIn } from "~/auth/sign-in";
import { currentLocale } from "~/i18n/locale";
import "~/styles/tokens.css";
import "~/styles/base.css";
import "~/ui/ui.css";
import "~/app/shell.css";

document.documentElement.lang = currentLocale();
live();
void signIn.start();

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <Root>
          <RouterProvider router={router} />
        </Root>
      </QueryClientProvider>
    </StrictMode>,
  );
}
