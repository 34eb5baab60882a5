// What a worker begins with where an address serves it; from disk, core.js makes one of the sources.
/* global importScripts */
importScripts("core.js", "network.js", "learner.js");
rnnbookLive.learner.serve(self);
