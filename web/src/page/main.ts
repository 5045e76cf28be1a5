import '@wikimedia/codex-design-tokens/theme-wikimedia-ui.css';
import './codex.css';
import './page.css';
import { createApp } from 'vue';
import App from './App.vue';
import { choose, speak, t } from './i18n';

const asked = new URLSearchParams(location.search).get('uselang');

await speak(choose([asked, ...navigator.languages]));

createApp(App)
	.provide('CdxI18nFunction', (key: string) => (key === 'cdx-dialog-close-button-label' ? t('page-close') : null))
	.mount('#app');
