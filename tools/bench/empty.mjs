// An empty Node.js process, which an idle beat is compared with.
