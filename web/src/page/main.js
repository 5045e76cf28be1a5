import '@wikimedia/codex-design-tokens/dist/theme-wikimedia-ui-root.css';
import '@wikimedia/codex/dist/codex.style.css';
import { createApp } from 'vue';
import Page from './Page.vue';

createApp( Page ).mount( '#app' );
