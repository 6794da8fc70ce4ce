// The till without a network: checks codes by the platform's public key, remembers what it took, and sends it later.
// What it keeps is in this browser's own database: codes, which name no person, until the platform has answered for them.
(function () {
  var root = document.getElementById('till')
  var KEPT_DAYS = 30
  var KEY_DAYS = 7
  var RETRY_MS = 5000
  var CLOCK_MS = 30000
  var database
  var device = ''
  var settings = null
  var sending = false

  function element(id) { return document.getElementById(id) }
  function word(name) { return document.querySelector('[data-word="' + name + '"]').textContent }
  function cannot(name) {
    element('till-cannot').textContent = word(name)
    element('till-cannot').hidden = false
    root.hidden = true
  }

  // -- what is kept ---------------------------------------------------------------------------------------------

  function open() {
    return new Promise(function (resolve, reject) {
      var asked = indexedDB.open('till-' + root.dataset.merchant, 1)
      asked.onupgradeneeded = function () {
        asked.result.createObjectStore('codes', { keyPath: 'redemption' })
        asked.result.createObjectStore('settings', { keyPath: 'name' })
      }
      asked.onsuccess = function () { resolve(asked.result) }
      asked.onerror = function () { reject(asked.error) }
    })
  }
  function within(store, mode, work) {
    return new Promise(function (resolve, reject) {
      var step = database.transaction(store, mode, { durability: 'strict' })
      var answer = work(step.objectStore(store))
      step.oncomplete = function () { resolve(answer.result) }
      answer.onerror = function () { reject(answer.error) }
      step.onabort = function () { reject(step.error) }
    })
  }
  function keep(store, value) { return within(store, 'readwrite', function (one) { return one.put(value) }) }
  // Refused by the database where the redemption is there already, in another window of this device too.
  function keepOnce(value) { return within('codes', 'readwrite', function (one) { return one.add(value) }) }
  function all() { return within('codes', 'readonly', function (one) { return one.getAll() }) }
  function forget(number) { return within('codes', 'readwrite', function (one) { return one.delete(number) }) }

  // -- codes ----------------------------------------------------------------------------------------------------

  function bytes(text) {
    var plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
    return Uint8Array.from(plain, function (one) { return one.charCodeAt(0) })
  }
  function now() { return Date.now() + settings.ahead_ms }
  // The latest moment that this till knows has been, by its own clock or by a signed code: no clock goes back before it.
  function went_back() { return now() < settings.latest_ms - settings.clocks_s * 1000 }
  function is_fresh() { return settings && now() - settings.kept_ms <= KEY_DAYS * 86400000 }
  async function has_been(moment_ms) {
    if (!settings || moment_ms <= settings.latest_ms) return
    settings.latest_ms = moment_ms
    await keep('settings', settings)
  }

  // What a code says, if the platform signed it; otherwise why not, by the name of a word of the page.
  async function read(token) {
    var parts = token.split('.')
    if (parts.length !== 3) return { no: /^[0-9]{1,18}[-\s]?[0-9A-Za-z]{6}$/.test(token) ? 'spoken' : 'forged' }
    try {
      var head = JSON.parse(new TextDecoder().decode(bytes(parts[0])))
      if (head.alg !== 'Ed25519' || head.typ !== 'redemption+jwt' || head.crit) return { no: 'forged' }
      var key = await crypto.subtle.importKey('jwk', settings.key, { name: 'Ed25519' }, false, ['verify'])
      var signed = new TextEncoder().encode(parts[0] + '.' + parts[1])
      if (!await crypto.subtle.verify({ name: 'Ed25519' }, key, bytes(parts[2]), signed)) return { no: 'forged' }
      return { says: JSON.parse(new TextDecoder().decode(bytes(parts[1]))) }
    } catch (error) {
      return { no: 'forged' }
    }
  }
  function why_not(says) {
    var clocks_ms = settings.clocks_s * 1000
    if (says.m !== settings.merchant) return 'elsewhere'
    if (now() > says.exp * 1000 + clocks_ms) return 'over'
    if (now() < says.iat * 1000 - clocks_ms) return 'early'
    if (says.p > says.l) return 'network'
    return ''
  }
  async function take(token) {
    if (!is_fresh() || went_back()) await ask_again()
    if (!is_fresh()) return say('unready', '', false)
    if (went_back()) return say('clock', '', false)
    var found = await read(token)
    var no = found.no || why_not(found.says)
    if (no) return say(no, '', false)
    var says = found.says
    await has_been(Math.max(now(), says.iat * 1000))
    try {
      await keepOnce({
        redemption: says.r, code: token, offer: says.o, quantity: says.q, points: says.p, at: Date.now(),
        state: 'waiting', said: ''
      })
    } catch (error) {
      return say(error && error.name === 'ConstraintError' ? 'seen' : 'storage', '', false)
    }
    say('taken', says.q + ' × ' + says.o + ' · ' + says.p + ' ' + word('points') + ' · ' + word('number') + ' ' + says.r, true)
    await show()
    await send()
    var answered = await within('codes', 'readonly', function (one) { return one.get(says.r) })
    if (answered && answered.state === 'refused') say('refused', answered.said, false)
  }

  // -- the network ----------------------------------------------------------------------------------------------

  async function ask(address, options) {
    var answer = await fetch(address, Object.assign({ credentials: 'same-origin', redirect: 'manual', cache: 'no-store' }, options))
    if (answer.type === 'opaqueredirect' || answer.status === 403) {
      element('till-ready').textContent = word('signin')
      return null
    }
    return answer.ok ? answer.json() : null
  }
  async function refresh() {
    var said = await ask(root.dataset.key)
    if (!said) return null
    settings = {
      name: 'till', key: said.key, merchant: said.merchant, clocks_s: said.clocks_s,
      ahead_ms: said.now_ms - Date.now(), kept_ms: said.now_ms, latest_ms: said.now_ms
    }
    await keep('settings', settings)
    return said.csrf
  }
  // The key or the clock is in doubt: the platform says both, where there is a network.
  async function ask_again() {
    try {
      if (navigator.onLine) await refresh()
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
  async function send() {
    if (sending || !navigator.onLine) return
    sending = true
    try {
      var waiting = (await all()).filter(function (one) { return one.state === 'waiting' })
      if (!waiting.length) return
      var csrf = await refresh()
      var most = Number(root.dataset.most)
      while (csrf && waiting.length) {
        var part = waiting.splice(0, most)
        var form = new URLSearchParams()
        part.forEach(function (one) { form.append('code', one.code) })
        form.append('device', device)
        var said = await ask(root.dataset.upload, { method: 'POST', body: form, headers: { 'X-CSRFToken': csrf } })
        if (!said) return
        for (var place = 0; place < part.length; place++) {
          var answer = said.answers[place]
          await keep('codes', Object.assign(part[place], { state: answer.state, said: answer.said }))
        }
      }
    } catch (error) {
      // No network yet, or none any more: they wait, and are sent again soon.
      if (!(error instanceof TypeError)) throw error
      setTimeout(function () { send() }, RETRY_MS)
    } finally {
      sending = false
      await show()
    }
  }

  // -- what is seen ---------------------------------------------------------------------------------------------

  function say(verdict, detail, good) {
    var box = element('till-said')
    box.className = 'message narrow-left ' + (good ? 'success' : 'error')
    element('till-verdict').textContent = word(verdict)
    element('till-verdict').className = good ? 'figure' : 'lead'
    element('till-detail').textContent = detail
    box.hidden = false
  }
  function line(one) {
    var row = document.createElement('li')
    var inner = document.createElement('div')
    var left = document.createElement('span')
    var strong = document.createElement('strong')
    var fine = document.createElement('span')
    var state = document.createElement('span')
    inner.className = 'row'
    strong.textContent = one.quantity + ' × ' + one.offer
    fine.className = 'fine'
    fine.textContent = word('number') + ' ' + one.redemption + ' · ' + new Date(one.at).toLocaleString(document.documentElement.lang) + (one.said ? ' · ' + one.said : '')
    state.className = 'badge ' + { waiting: 'waiting', captured: 'good', refused: 'bad' }[one.state]
    state.textContent = word(one.state)
    left.append(strong, fine)
    inner.append(left, state)
    row.append(inner)
    return row
  }
  async function show() {
    var found = (await all()).sort(function (a, b) { return b.at - a.at })
    var waits = found.some(function (one) { return one.state === 'waiting' })
    element('till-list').replaceChildren.apply(element('till-list'), found.slice(0, 50).map(line))
    element('till-list').hidden = !found.length
    element('till-waiting').hidden = !waits
    element('till-send').hidden = !waits
    element('till-online').hidden = !navigator.onLine
    element('till-offline').hidden = navigator.onLine
  }
  // What was answered for is remembered until no code of its time can be good any more.
  async function tidy() {
    var old = (await all()).filter(function (one) {
      return one.state !== 'waiting' && Date.now() - one.at > (KEPT_DAYS + 31) * 86400000
    })
    for (var place = 0; place < old.length; place++) await forget(old[place].redemption)
  }

  // -- the camera -----------------------------------------------------------------------------------------------

  async function scan() {
    var video = element('till-video')
    var stream
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
    } catch (error) {
      return say('camera', '', false)
    }
    video.srcObject = stream
    video.hidden = false
    await video.play()
    var detector = new window.BarcodeDetector({ formats: ['qr_code'] })
    var code = ''
    while (!code && stream.active && !video.hidden) {
      var seen = await detector.detect(video)
      if (seen.length) code = seen[0].rawValue
      else await new Promise(function (resolve) { setTimeout(resolve, 150) })
    }
    stream.getTracks().forEach(function (one) { one.stop() })
    video.hidden = true
    if (code) await take(code.trim())
  }

  // -- begin ----------------------------------------------------------------------------------------------------

  async function knows_ed25519() {
    try {
      await crypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }, { name: 'Ed25519' }, false, ['verify'])
      return true
    } catch (error) {
      return false
    }
  }
  // This browser's own name: what another till took first is not this one's, though the code is the same.
  async function name_device() {
    var known = await within('settings', 'readonly', function (one) { return one.get('device') })
    if (known) return known.id
    var made = { name: 'device', id: crypto.randomUUID() }
    await keep('settings', made)
    return made.id
  }
  async function keep_page() {
    var registration = await navigator.serviceWorker.register(root.dataset.worker)
    var parts = Array.from(document.querySelectorAll('link[href], script[src]'), function (one) { return one.href || one.src })
    var kept = await caches.open('till')
    await kept.addAll([location.pathname].concat(parts.filter(function (one) { return new URL(one).origin === location.origin })))
    await navigator.serviceWorker.ready
    return registration
  }
  async function begin() {
    if (!root) return
    if (!window.isSecureContext || !window.crypto || !crypto.subtle || !await knows_ed25519()) return cannot('browser')
    if (!window.indexedDB || !navigator.serviceWorker) return cannot('storage')
    try {
      database = await open()
    } catch (error) {
      return cannot('storage')
    }
    root.hidden = false
    settings = await within('settings', 'readonly', function (one) { return one.get('till') }) || null
    // One that an earlier page kept has neither of these: it is asked for again.
    if (settings && !settings.latest_ms) settings = null
    device = await name_device()
    setInterval(function () { if (settings) has_been(now()) }, CLOCK_MS)
    element('till-form').addEventListener('submit', function (event) {
      event.preventDefault()
      var field = element('till-code')
      var token = field.value.trim()
      field.value = ''
      field.focus()
      if (token) take(token)
    })
    element('till-send').addEventListener('click', function () { send() })
    if (window.BarcodeDetector && navigator.mediaDevices) {
      element('till-scan').hidden = false
      element('till-scan').addEventListener('click', function () { scan() })
    }
    window.addEventListener('online', function () { show(); send() })
    window.addEventListener('offline', function () { show() })
    await tidy()
    await show()
    try {
      if (navigator.onLine) {
        await refresh()
        await keep_page()
      }
      if (navigator.storage && navigator.storage.persist) await navigator.storage.persist()
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
    if (settings) element('till-ready').textContent = word('ready')
    else if (!element('till-ready').textContent) element('till-ready').textContent = word('unready')
    await send()
    root.dataset.began = 'yes'
  }
  begin()
})()
