// Preloaded into Newman: every connection goes to the port of loopback where the server listens.
const net = require("net");

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  options.host = "127.0.0.1";
  options.port = Number(process.env.CORPUS_PORT);
  return connect.apply(this, args);
};
