// Answers for the till's page while there is no network: what the page put into the cache, and nothing else.
// With a network everything comes from there, so that nothing old is shown.
(function () {
  self.addEventListener('install', function () { self.skipWaiting() })
  self.addEventListener('activate', function (event) { event.waitUntil(self.clients.claim()) })
  self.addEventListener('fetch', function (event) {
    if (event.request.method !== 'GET' || new URL(event.request.url).origin !== self.location.origin) return
    event.respondWith(fetch(event.request).catch(function (error) {
      return self.caches.match(event.request, { ignoreVary: true }).then(function (kept) {
        if (kept) return kept
        throw error
      })
    }))
  })
})()
