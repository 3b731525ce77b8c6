/* The list of Meeting Rooms. */

import { startLiveList } from "../core/live-list.js";

startLiveList({ list: "room-list", search: "room-search" });
