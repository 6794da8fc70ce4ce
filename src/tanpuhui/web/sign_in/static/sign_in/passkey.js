// Shows what needs a script, and says in the page when a passkey did not work.
(function () {
  document.querySelectorAll('.needs-script').forEach(function (one) {
    if (one.tagName !== 'FORM' && window.PublicKeyCredential) one.hidden = false
  })
  document.addEventListener('allauth.error', function (event) {
    event.preventDefault()
    var said = document.querySelector('[data-passkey-failed]')
    if (said) said.hidden = false
  })
})()
