/* For browsers that know no modules: as old as they are, so is this script. The others are asked by entrance.js. */
document.getElementById("too-old").removeAttribute("hidden");
