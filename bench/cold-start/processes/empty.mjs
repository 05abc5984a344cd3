// An empty Node.js process: what every other one is held against.
