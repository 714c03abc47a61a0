/** Of the usual lists, those that are long enough to pass the other rules; compared in lower case, without spaces. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set([
  '123456789012', '1234567890123', '12345678901234', '123456789101112', '1234567891011', '012345678910', '0123456789012', '098765432109', '987654321098',
  '1q2w3e4r5t6y', '1q2w3e4r5t6y7u', '1q2w3e4r5t6y7u8i', '1qaz2wsx3edc', '1qaz2wsx3edc4rfv', 'qwertyuiop12', 'qwertyuiop123', 'qwertyuiop1234',
  'qwertyuiop[]', 'qwertyuiopas', 'qwertyuiopasdf', 'qwertyuiopasdfghjkl', 'qwerty123456', 'qwerty1234567', 'qwerty12345678', 'qwerty123456789', 'qwertyqwerty',
  'asdfghjkl123', 'asdfghjkl1234', 'asdfasdfasdf', 'zxcvbnm12345', 'zxcvbnm123456', 'zaq12wsxcde3', 'abcdefghijkl', 'abcdefghijklm', 'abcdefghijklmnop',
  'abc123abc123', 'abcd12345678', 'abcdef123456', 'a1b2c3d4e5f6', 'aaaaaa111111', '112233445566', '123123123123', '123321123321', '121212121212', '123456123456',
  '123456abcdef', '123456qwerty', '147258369147', '159357159357', '741852963741', '102030405060', 'password1234', 'password12345', 'password123456',
  'password1234567', 'password123!', 'passwordpassword', 'password2020', 'password2021', 'password2022', 'password2023', 'password2024', 'password2025', 'password2026',
  'mypassword123', 'mypassword1234', 'newpassword1', 'newpassword123', 'thisismypassword', 'secretpassword', 'passw0rd1234', 'p@ssw0rd1234', 'p@ssword1234', 'p4ssw0rd1234',
  'pa$$word1234', 'adminadminadmin', 'administrator', 'administrator1', 'admin1234567', 'admin12345678', 'admin123456789', 'rootrootroot', 'letmeinletmein', 'letmein12345',
  'letmein123456', 'welcome12345', 'welcome123456', 'welcomewelcome', 'iloveyou1234', 'iloveyou12345', 'iloveyouforever', 'ilovemyfamily', 'iloveyousomuch', 'iloveyou2you',
  'changemechangeme', 'changeme1234', 'changeme12345', 'changeme123456', 'testtesttest', 'testtest1234', 'testpassword', 'test12345678', 'test123456789', 'default12345',
  'trustno1trustno1', 'superman1234', 'batman123456', 'football1234', 'baseball1234', 'basketball12', 'basketball123', 'sunshine1234', 'princess1234', 'dragon123456',
  'monkey123456', 'master123456', 'shadow123456', 'computer1234', 'internet1234', 'whatever1234', 'starwars1234', 'liverpool123', 'liverpool1234', 'manchester12',
  'manchesterunited', 'barcelona123', 'chelsea12345', 'arsenal12345', 'charlie12345', 'michael12345', 'jennifer1234', 'jordan123456', 'unknownunknown', 'correcthorsebatterystaple',
  'blink182blink182', 'fuckyoufuckyou', 'fuckyou12345', 'fuckyou123456', 'q1w2e3r4t5y6', 'q1w2e3r4t5y6u7', 'weconnectweconnect', 'weconnect123', 'weconnect1234'
])
