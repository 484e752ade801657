// Words of signing in at an identity provider.

export const WORDS = {
  oidc_in: ['用{name}登录', 'Sign in with {name}'], oidc_usual: ['统一身份认证', 'your organization'], oidc_or: ['或用密钥', 'or with a key'],
  refused_state: ['登录没有完成：返回的答复不是这个浏览器刚才请求的，或已超过十分钟。请重新登录。', 'The sign-in was not finished: the answer is not to what this browser asked, or came after ten minutes. Sign in again.'],
  refused_denied: ['身份认证平台没有准许登录。请重试，或联系平台的管理员。', 'The identity provider did not let you in. Try again, or ask whoever runs it.'],
  refused_token: ['身份认证平台的答复无效或已被使用过。请重新登录；若一再如此，请联系管理员。', 'The identity provider\'s answer was not valid, or had been used before. Sign in again; if it stays so, tell your operator.'],
  refused_entitled: ['您的身份有效，但还没有使用本服务的权限，或所属机构尚未登记。请联系管理员。', 'You are who you say, but nothing entitles you to anything here, or your institution is not registered. Ask your operator.'],
  refused_away: ['暂时无法连接身份认证平台。请稍后再试，或用密钥登录。', 'The identity provider cannot be reached. Try again later, or sign in with a key.'],
  refused_often: ['登录过于频繁。请稍后再试。', 'There were too many sign-ins. Try again later.'],
};
