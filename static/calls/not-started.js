/* After the page's modules, in the words of old browsers: where those did not run, by age or accident, it is said. */
(function () {
  var notice = document.getElementById("not-started");
  if (!notice || document.getElementById("call").getAttribute("data-started")) return;
  notice.removeAttribute("hidden");
  document.title = notice.querySelector("h2").textContent + " – " + document.title;
  notice.querySelector("h2").focus();
})();
