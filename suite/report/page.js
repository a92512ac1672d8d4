"use strict";
const stage = document.querySelector(".stage");
const split = document.getElementById("split");

function slide() {
  stage.style.setProperty("--split", split.value + "%");
}

function choose(event) {
  if (event.target.name === "left") {
    stage.dataset.left = event.target.value;
  }
  if (event.target.id === "show-repaired") {
    stage.dataset.repaired = event.target.checked;
  }
}

split.addEventListener("input", slide);
document.querySelector(".compare").addEventListener("change", choose);
slide();
