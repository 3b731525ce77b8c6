/** Of the cookie: the token of the page is void once somebody signs in in another tab. */
export const csrfToken = () => /(?:^|; )csrftoken=(\w+)/u.exec(document.cookie)?.[1] ?? "";
